"""How to provoke the rows of the error table that are the caller's side, over HTTP."""

import asyncio

import httpx
import orjson

from backend.accounts.key_format import make_key
from backend.core import errors
from backend.core.units import ChainId, PlanKind, hex_of, keccak
from backend.inference.schemas import ServiceKey, UpstreamDefinition, UpstreamKind
from tests.backend.gateway import model_server
from tests.backend.gateway.conftest import METERED, MODEL, House, address_of, bearer
from tests.backend.gateway.error_ways import CHAT, chat, holder, in_both, limited, payer, row
from tests.backend.gateway.test_peer_defects import signed_in
from tests.backend.gateway.test_raw_sockets import said
from tests.backend.market import CHAIN_ID, SERVICE, START, holding, plan, service, tab


@in_both(errors.MalformedRequest)
async def plan_that_is_no_number(house: House) -> dict[str, str]:
    return {**await holder(house), "emporion-plan": "gold"}


@in_both(errors.InvalidCredential, "www-authenticate")
async def nobody(house: House) -> dict[str, str]:
    return {}


@in_both(errors.WrongNetwork, "www-authenticate")
async def key_of_the_live_network(house: House) -> dict[str, str]:
    return bearer(make_key("live").text)


@in_both(errors.InvalidSignature, "www-authenticate")
async def voucher_of_nobody(house: House) -> dict[str, str]:
    return {**await payer(house), "emporion-voucher": f"{METERED};1;0x{'11' * 65}"}


@in_both(errors.PaymentRequired, "cache-control")
async def holds_nothing(house: House) -> dict[str, str]:
    return bearer(await house.key())


@in_both(errors.ScopeMissing)
async def key_that_reads(house: House) -> dict[str, str]:
    return await holder(house, scopes=["read"])


@in_both(errors.AddressNotAllowed)
async def key_of_another_network(house: House) -> dict[str, str]:
    return await holder(house, networks=["203.0.113.0/24"])


@in_both(errors.ServiceRetired)
async def service_that_ended(house: House) -> dict[str, str]:
    owner = address_of(house.provider)
    await house.mine(service(owner=owner, meter=house.services.meter, status=2, retired_at=START))
    return bearer(await house.key())


@row(errors.BodyTooLarge, "openai", settings={"max_body_bytes": 1_024})
async def prompt_over_the_limit(house: House) -> httpx.Response:
    return await chat(house, await holder(house), padding="x" * 2_000)


@row(errors.BodyTooLarge, "problem", settings={"max_body_bytes": 1_024})
async def key_request_over_the_limit(house: House) -> httpx.Response:
    return await house.http.post("/v1/keys", json={"name": "x" * 2_000})


@in_both(errors.IndexStale, "retry-after")
async def silent_node(house: House) -> dict[str, str]:
    headers = await holder(house)
    await house.market.put(house.market.heartbeat(START))
    await house.services.watch.refresh()
    return headers


@row(errors.InvalidNonce, "openai", "www-authenticate", settings={"signed_requests": "erc8128-draft"})
async def request_sent_twice(house: House) -> httpx.Response:
    from tests.backend.gateway.test_signed_requests import BODY, signed

    await house.mine(tab(METERED, 10, address_of(house.buyer)))
    headers = signed(house, "POST", CHAT, BODY)
    assert (await house.http.post(CHAT, content=BODY, headers=headers)).status_code == 200
    return await house.http.post(CHAT, content=BODY, headers=headers)


@row(errors.InvalidNonce, "problem", "www-authenticate")
async def sign_in_sent_twice(house: House) -> httpx.Response:
    proof = await signed_in(house)
    assert (await house.http.post("/v1/auth/siwe", json=proof)).status_code == 200
    return await house.http.post("/v1/auth/siwe", json=proof)


@row(errors.Forbidden, "problem")
async def service_of_another(house: House) -> httpx.Response:
    headers = bearer(await house.sign_in(house.buyer))
    return await house.http.get(f"/v1/provider/services/{SERVICE}/upstream", headers=headers)


@row(errors.SpendCapReached, "openai")
async def cap_of_the_key(house: House) -> httpx.Response:
    return await chat(house, await payer(house, daily_cap=100))


@row(errors.FreshSignatureRequired, "problem")
async def key_that_makes_keys(house: House) -> httpx.Response:
    return await house.http.post("/v1/keys", json={}, headers=bearer(await house.key(scopes=["keys"])))


@row(errors.WalletRequired, "problem")
async def key_that_ends_a_session(house: House) -> httpx.Response:
    return await house.http.post("/v1/auth/logout", headers=bearer(await house.key()))


@row(errors.NotFound, "problem")
async def no_such_route(house: House) -> httpx.Response:
    return await house.http.get("/v1/nothing")


@row(errors.NotFound, "openai")
async def pictures_of_a_plain_service(house: House) -> httpx.Response:
    definition = UpstreamDefinition(kind=UpstreamKind.HTTP, url=house.model.url)
    await house.services.deps.upstreams.put(ServiceKey(ChainId(CHAIN_ID), SERVICE), [definition])
    wanted = {"model": MODEL, "prompt": "A lighthouse"}
    return await house.http.post("/v1/images/generations", json=wanted, headers=await holder(house))


@row(errors.ModelNotFound, "openai")
async def bare_name(house: House) -> httpx.Response:
    return await chat(house, await holder(house), model="gpt-4")


@row(errors.ModelNotFound, "problem")
async def estimate_of_nothing(house: House) -> httpx.Response:
    return await house.http.post("/v1/estimate", json={"model": "31337/99"})


@row(errors.MethodNotAllowed, "openai")
async def model_that_is_got(house: House) -> httpx.Response:
    return await house.http.get(CHAT)


@row(errors.MethodNotAllowed, "problem")
async def listing_that_is_put(house: House) -> httpx.Response:
    return await house.http.put("/v1/services")


async def stalled(house: House, path: str, headers: dict[str, str]) -> httpx.Response:
    """The answer to a request of which the body's first byte comes, and no other."""
    sent = {"host": "x", "connection": "close", "content-length": "9", **headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in sent.items())
    got = await said(house, f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + b"{", end=False)
    start, _, body = got.partition(b"\r\n\r\n")
    first, *rest = start.decode().split("\r\n")
    found = [(name, value.strip()) for name, _, value in (line.partition(":") for line in rest)]
    return httpx.Response(int(first.split()[1]), headers=found, content=body)


@row(errors.RequestTimeout, "openai", settings={"body_seconds": 1})
async def slow_prompt(house: House) -> httpx.Response:
    return await stalled(house, CHAT, await holder(house))


@row(errors.RequestTimeout, "problem", settings={"body_seconds": 1})
async def slow_key_request(house: House) -> httpx.Response:
    return await stalled(house, "/v1/keys", {})


@row(errors.Conflict, "problem")
async def second_rotation(house: House) -> httpx.Response:
    token = bearer(await house.sign_in(house.buyer))
    made = (await house.http.post("/v1/keys", json={}, headers=token)).json()["id"]
    path, overlap = f"/v1/keys/{made}/rotate", {"overlap_seconds": 600}
    assert (await house.http.post(path, json=overlap, headers=token)).status_code == 200
    return await house.http.post(path, json=overlap, headers=token)


@row(errors.ContextLengthExceeded, "openai")
async def prompt_beyond_the_window(house: House) -> httpx.Response:
    house.model.behaviour = model_server.too_long
    return await chat(house, await holder(house))


@row(errors.UnsupportedMediaType, "openai")
async def sound_as_json(house: House) -> httpx.Response:
    return await house.http.post(
        "/v1/audio/transcriptions", json={"model": MODEL}, headers=await holder(house)
    )


@row(errors.RangeUnsatisfiable, "problem", "content-range")
async def range_outside(house: House) -> httpx.Response:
    listed = {"path": "a.txt", "size": 3, "hash": hex_of(keccak(b"abc")), "rows": 1}
    data = orjson.dumps({"emporion": "service/1", "name": "D", "slug": "d", "data": {"files": [listed]}})
    await house.services.metadata.put(keccak(data), data)
    await house.services.deps.blobs.put(b"abc")
    offered = plan(PlanKind.PASS, service_id=2)  # type: ignore[arg-type]
    await house.mine(
        service(service_id=2, meter=house.services.meter, content_hash=keccak(data), kind=1),
        offered,
        holding(offered.plan_id, address_of(house.buyer)),  # type: ignore[arg-type]
    )
    headers = {**bearer(await house.key()), "range": "bytes=7-"}
    return await house.http.get("/v1/services/2/data/a.txt", headers=headers)


@row(errors.Unprocessable, "openai")
async def too_many_answers(house: House) -> httpx.Response:
    return await chat(house, await holder(house), n=1_000)


@row(errors.Unprocessable, "problem")
async def sort_by_nothing(house: House) -> httpx.Response:
    return await house.http.get("/v1/services?sort=best")


@row(errors.RateLimited, "openai", "retry-after", "ratelimit", "x-ratelimit-remaining-requests")
async def second_call_of_a_minute(house: House) -> httpx.Response:
    headers = await limited(house)
    assert (await chat(house, headers)).status_code == 200
    return await chat(house, headers)


@row(errors.RateLimited, "problem", "retry-after")
async def crowd_of_sign_ins(house: House) -> httpx.Response:
    asked = [house.http.post("/v1/auth/siwe", json={"message": "x", "signature": "0x"}) for _ in range(80)]
    return max(await asyncio.gather(*asked), key=lambda reply: reply.status_code)
