"""Events from raw logs.

EventReader.decode
├── when the log has no topic, or the address or topic is a stranger's
│   └── it should give nothing
├── when the topics or the data are not the event's
│   └── it should refuse as the node's error
├── given static values only
│   ├── it should name every value in our types
│   └── it should equal what eth_abi reads, for every event of every contract
└── given a struct, a string and an array of structs
    └── it should give dicts and lists
"""

from typing import Any

import pytest
from eth_abi.abi import encode

from backend.chain.abi import named, type_of, types_of
from backend.chain.events import EventReader, RawLog, contract_decoders
from backend.core.errors import NodeError
from contracts.artifacts import load, names

ADDRESS = bytes(range(20))
OTHER = bytes(range(1, 21))
INTERFACES = [name for name in names() if name.startswith("I")]


def a_log(topics: tuple[bytes, ...], data: bytes, address: bytes = ADDRESS) -> RawLog:
    return RawLog(7, b"\1" * 32, b"\2" * 32, 0, 3, address, topics, data)


def the_event(contract: str, name: str) -> tuple[RawLog, dict[str, Any]]:
    entry = next(e for e in load(contract).abi if e["type"] == "event" and e["name"] == name)
    topic = next(t for t, d in contract_decoders(contract).items() if d.name == name)
    return an_event(entry, topic)


def a_value(parameter: dict[str, Any], seed: int) -> Any:
    kind = parameter["type"]
    if kind.endswith("]"):
        return [a_value({**parameter, "type": kind[: kind.rindex("[")]}, seed + i) for i in range(2)]
    if kind == "tuple":
        return tuple(a_value(part, seed + i) for i, part in enumerate(parameter["components"]))
    if kind == "address":
        return "0x" + seed.to_bytes(20, "big").hex()
    if kind == "bool":
        return bool(seed % 2)
    if kind == "string":
        return f"text {seed}"
    if kind == "bytes":
        return bytes([seed])
    if kind.startswith("bytes"):
        return bytes([seed]) * int(kind.removeprefix("bytes"))
    return (2 ** int(kind.removeprefix("uint")) - seed) if seed % 2 else seed


def an_event(entry: dict[str, Any], topic: bytes) -> tuple[RawLog, dict[str, Any]]:
    values = {p["name"]: (p, a_value(p, i + 1)) for i, p in enumerate(entry["inputs"])}
    heads = [encode([type_of(p)], [v]) for p, v in values.values() if p["indexed"]]
    rest = [(p, v) for p, v in values.values() if not p["indexed"]]
    data = encode(types_of([p for p, _ in rest]), [v for _, v in rest])
    return a_log((topic, *heads), data), {name: named(p, v) for name, (p, v) in values.items()}


class TestDecode:
    def test_gives_nothing_without_a_topic(self) -> None:
        assert EventReader({ADDRESS: "IUsageEscrow"}).decode(a_log((), b"")) is None

    def test_gives_nothing_for_a_strange_address(self) -> None:
        topic = next(iter(contract_decoders("IUsageEscrow")))
        assert EventReader({ADDRESS: "IUsageEscrow"}).decode(a_log((topic,), b"", OTHER)) is None

    def test_gives_nothing_for_a_strange_topic(self) -> None:
        assert EventReader({ADDRESS: "IUsageEscrow"}).decode(a_log((b"\7" * 32,), b"")) is None

    @pytest.mark.parametrize("missing", ["topics", "data"])
    def test_refuses_what_is_cut_short(self, missing: str) -> None:
        log, _ = the_event("IAccessToken", "Bought")
        cut = a_log(log.topics[:-1], log.data) if missing == "topics" else a_log(log.topics, log.data[:-32])
        with pytest.raises(NodeError, match=r"IAccessToken\.Bought"):
            EventReader({ADDRESS: "IAccessToken"}).decode(cut)

    def test_names_values_in_our_types(self) -> None:
        log, _ = the_event("IAccessToken", "Bought")
        event = EventReader({ADDRESS: "IAccessToken"}).decode(log)
        assert event is not None
        assert (event.contract, event.name, event.log) == ("IAccessToken", "Bought", log)
        assert event.args["payer"] == (2).to_bytes(20, "big")
        assert list(event.args)[:3] == ["planId", "payer", "recipient"]

    @pytest.mark.parametrize("contract", INTERFACES)
    def test_equals_eth_abi_for_every_event(self, contract: str) -> None:
        reader = EventReader({ADDRESS: contract})
        for entry in (e for e in load(contract).abi if e["type"] == "event"):
            topic = next(t for t, d in contract_decoders(contract).items() if d.name == entry["name"])
            log, expected = an_event(entry, topic)
            event = reader.decode(log)
            assert event is not None, entry["name"]
            assert event.args == expected, entry["name"]

    def test_gives_structs_as_dicts(self) -> None:
        log, _ = the_event("IServiceRegistry", "ServiceRegistered")
        event = EventReader({ADDRESS: "IServiceRegistry"}).decode(log)
        assert event is not None
        assert event.args["upstreams"][0].keys() == {"serviceId", "bps"}
        assert event.args["uri"].startswith("text")
