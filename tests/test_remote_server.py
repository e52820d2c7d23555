"""The kernel behind "Draw a digit": what it accepts, what it refuses, what it is told."""

import json

import numpy as np
import pytest
from drawn import DIGITS, examples, holds_part_of, plan, significant_bits, widget
from ipywidgets.embed import embed_data
from nets import plan as small_plan

import helib_py as he
from helib_py.widgets import RemoteServer, draw_digit

PIECE = 100_000


@pytest.fixture(scope="module")
def owner():
    return he.DataOwner(plan())


def messages(question, parts, name="m", page="p"):
    """A message as the front end cuts it."""
    label = {"id": name, "page": page, "question": question, "names": [n for n, _ in parts]}
    label["sizes"] = [len(data) for _, data in parts]
    whole = b"".join(data for _, data in parts)
    starts = range(0, len(whole), PIECE)
    return [({**label, "at": at}, [memoryview(whole[at : at + PIECE])]) for at in starts]


def ask(server, question, parts, page="p"):
    answers = [server.hear(*message) for message in messages(question, parts, page=page)]
    assert answers[:-1] == [None] * (len(answers) - 1)
    return answers[-1]


def ciphertexts(owner, image):
    dump = owner.public.context.e.dump
    return [("ciphertext", dump(c.handle)) for c in owner.encrypt(image)]


def scores(owner, answer):
    inside = plan().interface
    handle = owner.public.context.e.load(answer, inside.result_level, inside.result_scale)
    return owner._keys.decrypt(handle)[:: inside.stride][: inside.outputs]


@pytest.fixture
def server(owner):
    """One that has the owner's public keys."""
    server = RemoteServer(plan())
    label, _ = ask(server, "keys", list(owner.public.keys.items()))
    assert "error" not in label
    return server


def refused(answer):
    label, buffers = answer
    assert buffers == []
    assert ":" in label["error"] or "must" in label["error"], label
    return label["error"]


def test_a_digit_goes_there_and_back_as_seal_s_bytes(owner, server):
    label, (answer,) = ask(server, "predict", ciphertexts(owner, examples()[0]))
    clear = plan().simulate(examples()[0], noisy=False)
    assert significant_bits(scores(owner, answer), clear) > 8
    assert label["id"] == "m"
    assert label["seconds"] > 0


def test_a_ciphertext_before_the_keys_is_refused(owner):
    assert "keys" in refused(
        ask(RemoteServer(plan()), "predict", ciphertexts(owner, examples()[0]))
    )


def test_each_page_s_digit_meets_that_page_s_keys(owner, server):
    other, image = he.DataOwner(plan()), examples()[0]
    ask(server, "keys", list(other.public.keys.items()), page="another tab")
    for page, who in (("p", owner), ("another tab", other)):
        _, (answer,) = ask(server, "predict", ciphertexts(who, image), page)
        assert significant_bits(scores(who, answer), plan().simulate(image, noisy=False)) > 8


def test_the_keys_of_four_pages_are_kept(owner, server):
    for page in ("a", "b", "c"):
        ask(server, "keys", list(owner.public.keys.items()), page)
    sent = ciphertexts(owner, examples()[0])
    assert "error" not in ask(server, "predict", sent)[0]
    ask(server, "keys", list(owner.public.keys.items()), "d")
    assert "keys" in refused(ask(server, "predict", sent))


@pytest.mark.parametrize("cut", [3, 60, 1000, 100_000])
def test_a_truncated_ciphertext_is_refused_and_the_next_one_runs(cut, owner, server):
    [(name, data)] = ciphertexts(owner, examples()[0])
    refused(ask(server, "predict", [(name, data[:cut])]))
    assert "error" not in ask(server, "predict", [(name, data)])[0]


@pytest.mark.parametrize("seed", range(8))
def test_altered_keys_and_ciphertexts_never_raise(seed, owner, server):
    random = np.random.default_rng(seed)

    def altered(data):
        changed = bytearray(data)
        for i in random.integers(0, 150, 3):
            changed[i] ^= int(random.integers(1, 256))
        return bytes(changed)

    [(name, data)] = ciphertexts(owner, examples()[0])
    refused(ask(server, "predict", [(name, altered(data))]))
    refused(ask(server, "keys", [(n, altered(d)) for n, d in owner.public.keys.items()]))


def test_keys_of_other_rotations_are_found_out_when_they_are_used(owner):
    server, keys = RemoteServer(plan()), dict(owner.public.keys)
    keys["rotation"] = keys["relinearisation"]
    ask(server, "keys", list(keys.items()))
    assert "not those" in refused(ask(server, "predict", ciphertexts(owner, examples()[0])))


def test_too_many_ciphertexts_are_refused(owner, server):
    assert "2 ciphertexts" in refused(
        ask(server, "predict", 2 * ciphertexts(owner, examples()[0]))
    )


@pytest.mark.parametrize(
    "label",
    [
        None, [], "text", {}, {"id": 1}, {"id": "m", "sizes": [5]},
        {"id": "m", "sizes": [10**12], "at": 0}, {"id": "m", "sizes": [-5], "at": 0},
        {"id": "m", "sizes": [50], "at": 7}, {"id": [], "sizes": [4], "at": 0},
        {"id": "m", "question": "decrypt", "names": ["x"], "sizes": [9], "at": 0},
        {"id": "m", "question": "keys", "names": [], "sizes": [9], "at": 0},
        {"id": "m", "question": [], "names": ["x"], "sizes": ["9"], "at": 0},
    ],
)  # fmt: skip
def test_a_malformed_label_is_answered_with_an_error(label):
    refused(RemoteServer(plan()).hear(label, [b"\x5e\xa1\x10\x04\x01" + bytes(4)]))


def test_pieces_out_of_order_are_refused(owner):
    server = RemoteServer(plan())
    first, second, third, *_ = messages("keys", list(owner.public.keys.items()))
    assert server.hear(*first) is None
    assert "out of order" in refused(server.hear(*third))
    assert "out of order" in refused(server.hear(*second))


def test_compressed_bytes_are_refused(owner):
    [(name, data)] = ciphertexts(owner, examples()[0])
    bomb = data[:5] + b"\x02" + data[6:]
    assert "uncompressed" in refused(ask(RemoteServer(plan()), "predict", [(name, bomb)]))


def test_the_recorded_run_is_a_real_one_and_differs_from_another():
    again = he.widgets.DrawDigit(plan(), examples(), DIGITS).recorded
    for run, other, x in zip(widget().recorded["runs"], again["runs"], examples(), strict=True):
        clear = plan().simulate(x, noisy=False)
        assert run["clear"] == pytest.approx(clear.tolist())
        assert 8 < significant_bits(run["scores"], clear) < 40
        assert run["scores"] != other["scores"]
        assert run["seen"] != other["seen"]
        assert all(second > 0 for second in run["seconds"].values())
        assert [m["size"] for m in run["messages"]] == [262257, 131185]


def test_what_reaches_the_page_holds_no_secret_key_and_fits_in_a_page():
    owner = he.DataOwner(plan())
    secret = owner._keys._pyfhel.to_bytes_secret_key("none")[88:]
    assert holds_part_of(secret, b"abc" + secret[100:140])
    assert not holds_part_of(secret, b"".join(owner.public.keys.values()))
    page = json.dumps(embed_data(views=[widget()], drop_defaults=False))
    assert len(page) < 2_000_000


def test_other_plans_and_images_are_refused():
    with pytest.raises(ValueError, match="28×28"):
        he.widgets.DrawDigit(small_plan("dense"), examples(), DIGITS)
    with pytest.raises(ValueError, match="examples"):
        he.widgets.DrawDigit(plan(), examples()[:2], DIGITS)
    with pytest.raises(ValueError, match="0 to 1"):
        he.widgets.DrawDigit(plan(), 255 * examples(), DIGITS)


def test_without_examples_there_are_five_real_ones():
    made = he.widgets.DrawDigit(plan())
    mnist = he.data.mnist()
    for label, image in zip(made.labels, np.frombuffer(made.examples).reshape(5, -1), strict=True):
        same = (mnist.x_test.reshape(-1, 784) == image).all(axis=1)
        assert list(mnist.y_test[same]) == [label]


def test_without_node_seal_the_widget_is_made_all_the_same(monkeypatch, tmp_path):
    monkeypatch.setattr(draw_digit, "NODE_SEAL", tmp_path)
    made = he.widgets.DrawDigit(plan(), examples(), DIGITS)
    assert (made.seal_script, made.seal_wasm) == (b"", b"")
    assert len(made.recorded["runs"]) == 3


def test_the_parts_of_the_front_end_import_nothing():
    for text in (widget()._esm, widget().client, widget().server):
        assert "https://" not in text
        assert "\nimport " not in text
        assert "</script" not in text
