"""Arguments and options that several commands share."""

from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
KeyName = Annotated[
    str | None,
    typer.Option("--key", metavar="NAME", help="Key that signs (`emporion keys list`); else the settings'."),
]
PlanArgument = Annotated[int, typer.Argument(min=1, help="Plan id, from `emporion search`.")]
UnitsArgument = Annotated[int, typer.Argument(min=1, help="How many units.")]
AddressArgument = Annotated[str | None, typer.Argument(help="Account; else the one that signs.")]
EmpArgument = Annotated[str, typer.Argument(metavar="EMP", help="EMP, such as 1000 or 0.5.")]
ServiceArgument = Annotated[int, typer.Argument(min=1, help="Service id, from `emporion search`.")]
GatewayUrl = Annotated[
    str | None, typer.Option("--gateway", metavar="URL", help="The gateway; else the one of the settings.")
]
MetricsPort = Annotated[
    int | None,
    typer.Option(
        "--metrics-port",
        min=0,
        max=65535,
        metavar="PORT",
        help="Port of /metrics; else the settings'; 0: none.",
    ),
]
