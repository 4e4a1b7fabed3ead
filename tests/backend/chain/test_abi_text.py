"""decode_values

given a string that is no UTF-8
    it should replace what cannot be read: whoever registers a service must not be able to stop an indexer
"""

from backend.chain.abi import decode_values

TEXT = [{"name": "uri", "type": "string"}]


class TestDecodeValues:
    def test_replaces_bytes_that_are_no_text(self) -> None:
        raw = b"\xff\xfeipfs"
        words = (32).to_bytes(32, "big") + len(raw).to_bytes(32, "big") + raw.ljust(32, b"\0")
        assert decode_values(TEXT, words) == ("\ufffd\ufffdipfs",)
