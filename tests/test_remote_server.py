"""The kernel behind "Draw a digit": what it accepts, what it refuses, what it is told.

What a page would send comes from the widget's own client, run by Node; see node_client.py.
"""

import json
import zlib
from dataclasses import replace

import numpy as np
import pytest
from drawn import DIGITS, examples, holds_part_of, plan, significant_bits, widget
from ipywidgets.embed import dependency_state, embed_data
from nets import plan as small_plan
from node_client import NodeOwner

import helib_py as he
from helib_py.engines.seal.layout import HEADER
from helib_py.errors import HelibError, ParameterError
from helib_py.flooding import Flood
from helib_py.widgets import RemoteServer, draw_digit

PIECE = 100_000


@pytest.fixture(scope="module")
def owner():
    return NodeOwner(plan())


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


@pytest.fixture
def server(owner):
    """One that has the owner's public keys."""
    server = RemoteServer(plan())
    label, _ = ask(server, "keys", owner.parts)
    assert "error" not in label
    return server


def refused(answer):
    label, buffers = answer
    assert buffers == []
    assert ":" in label["error"] or "must" in label["error"], label
    return label["error"]


def test_a_digit_goes_there_and_back_as_seal_s_bytes(owner, server):
    label, (answer,) = ask(server, "predict", owner.encrypt(examples()[0]))
    clear = plan().simulate(examples()[0], noisy=False)
    assert significant_bits(owner.decrypt(answer), clear) > 8
    assert label["id"] == "m"
    assert label["seconds"] > 0


def test_a_ciphertext_before_the_keys_is_refused(owner):
    assert "keys" in refused(ask(RemoteServer(plan()), "predict", owner.encrypt(examples()[0])))


def test_each_page_s_digit_meets_that_page_s_keys(owner, server):
    other, image = NodeOwner(plan()), examples()[0]
    ask(server, "keys", other.parts, page="another tab")
    for page, who in (("p", owner), ("another tab", other)):
        _, (answer,) = ask(server, "predict", who.encrypt(image), page)
        assert significant_bits(who.decrypt(answer), plan().simulate(image, noisy=False)) > 8


def test_the_keys_of_four_pages_are_kept(owner, server):
    for page in ("a", "b", "c"):
        ask(server, "keys", owner.parts, page)
    sent = owner.encrypt(examples()[0])
    assert "error" not in ask(server, "predict", sent)[0]
    ask(server, "keys", owner.parts, "d")
    assert "keys" in refused(ask(server, "predict", sent))


@pytest.mark.parametrize("cut", [3, 60, 1000, 100_000])
def test_a_truncated_ciphertext_is_refused_and_the_next_one_runs(cut, owner, server):
    [(name, data)] = owner.encrypt(examples()[0])
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

    [(name, data)] = owner.encrypt(examples()[0])
    for parts in ([(name, altered(data))], [(n, altered(d)) for n, d in owner.parts]):
        for question in ("predict", "keys"):
            label, answer = ask(server, question, parts, page="another")
            assert ("error" in label) == (not answer and "seconds" not in label)


@pytest.mark.parametrize(("name", "instead"), [
    ("rotation", "relinearisation"), ("relinearisation", "rotation"), ("public", "rotation"),
])  # fmt: skip
def test_keys_in_each_other_s_places_are_refused_when_they_come(owner, name, instead):
    server, keys = RemoteServer(plan()), dict(owner.parts)
    keys[name] = keys[instead]
    refused(ask(server, "keys", list(keys.items())))
    assert "keys" in refused(ask(server, "predict", owner.encrypt(examples()[0])))


@pytest.mark.parametrize("name", ["public", "relinearisation", "rotation"])
def test_keys_that_are_missing_are_named_when_they_are_needed(owner, name):
    server = RemoteServer(plan())
    assert "error" not in ask(server, "keys", [p for p in owner.parts if p[0] != name])[0]
    said = refused(ask(server, "predict", owner.encrypt(examples()[0])))
    assert f"no {name} key" in said


def test_an_answer_is_re_randomised(owner, server):
    """Else whoever has the key could work out the weights from what is left of the inputs."""
    sent = owner.encrypt(examples()[0])
    (first,), (second,) = (ask(server, "predict", sent)[1] for _ in range(2))
    words = (np.frombuffer(answer, "<u8", offset=HEADER) for answer in (first, second))
    assert np.equal(*words).mean() < 0.01
    assert significant_bits(owner.decrypt(first), owner.decrypt(second)) > 10


def test_bytes_without_seeds_are_refused(owner, server):
    """They are what SEAL writes elsewhere; no page sends them."""
    elsewhere = he.DataOwner(plan())
    (c,) = elsewhere.encrypt(examples()[0])
    refused(ask(server, "predict", [("ciphertext", c.e.lib.dump(c.handle))]))
    refused(ask(server, "keys", [("public", elsewhere._keys._secret.public_key())]))
    assert "error" not in ask(server, "predict", owner.encrypt(examples()[0]))[0]


def test_too_many_ciphertexts_are_refused(owner, server):
    assert "2 ciphertexts" in refused(ask(server, "predict", 2 * owner.encrypt(examples()[0])))


@pytest.mark.parametrize(
    "label",
    [
        None, [], "text", {}, {"id": 1}, {"id": "m", "sizes": [5]},
        {"id": "m", "sizes": [10**12], "at": 0}, {"id": "m", "sizes": [-5], "at": 0},
        {"id": "m", "sizes": [50], "at": 7}, {"id": [], "sizes": [4], "at": 0},
        {"id": "m", "question": "decrypt", "names": ["x"], "sizes": [9], "at": 0},
        {"id": "m", "question": "keys", "names": [], "sizes": [9], "at": 0},
        {"id": "m", "question": [], "names": ["x"], "sizes": ["9"], "at": 0},
        {"id": "m", "question": "keys", "names": ["x"], "sizes": [9.0], "at": 0},
        {"id": "m", "question": "keys", "names": ["x"], "sizes": [True], "at": 0},
        {"id": "m", "question": "keys", "names": ["x", "y"], "sizes": [9], "at": 0},
        {"id": "m", "question": "keys", "page": "p", "names": ["secret"], "sizes": [9], "at": 0},
        {"id": "m", "question": "keys", "page": "p", "names": [[]], "sizes": [9], "at": 0},
        {"id": {}, "question": "keys", "page": "p", "names": ["x"], "sizes": [9], "at": 0},
    ],
)  # fmt: skip
def test_a_malformed_label_is_answered_with_an_error(label):
    refused(RemoteServer(plan()).hear(label, [b"\x5e\xa1\x10\x04\x01" + bytes(4)]))


def test_pieces_out_of_order_are_refused(owner):
    server = RemoteServer(plan())
    first, second, third, *_ = messages("keys", owner.parts)
    assert server.hear(*first) is None
    assert "out of order" in refused(server.hear(*third))
    assert "out of order" in refused(server.hear(*second))


def test_compressed_bytes_are_refused(owner, server):
    """Nothing is ever decompressed: a few bytes could become many."""
    [(name, data)] = owner.encrypt(examples()[0])
    inside = zlib.compress(data[16:])
    bomb = data[:5] + b"\1" + data[6:8] + (16 + len(inside)).to_bytes(8, "little") + inside
    refused(ask(server, "predict", [(name, bomb)]))


def test_more_parts_than_any_message_has_are_refused():
    label = {"id": "m", "page": "p", "question": "keys", "at": 0}
    label |= {"names": ["x"] * 2000, "sizes": [0] * 2000}
    assert "parts" in refused(RemoteServer(plan()).hear(label, [b""]))
    label |= {"names": ["x"], "sizes": [5, 5]}
    assert "parts" in refused(RemoteServer(plan()).hear(label, [b"12345"]))


def test_the_recorded_run_is_a_real_one_and_differs_from_another():
    again = he.widgets.DrawDigit(plan(), examples(), DIGITS).recorded
    for run, other, x in zip(widget().recorded["runs"], again["runs"], examples(), strict=True):
        clear = plan().simulate(x, noisy=False)
        assert run["clear"] == pytest.approx(clear.tolist())
        assert 8 < significant_bits(run["scores"], clear) < 40
        assert run["scores"] != other["scores"]
        assert run["seen"] != other["seen"]
        assert all(second > 0 for second in run["seconds"].values())
        assert [m["size"] for m in run["messages"]] == [262144, 131072]


def test_what_reaches_the_page_holds_no_secret_key_and_fits_in_a_page():
    owner = he.DataOwner(plan())
    secret = owner._keys._secret.secret_key()[88:]
    assert holds_part_of(secret, b"abc" + secret[100:140])
    assert not holds_part_of(secret, b"".join(owner.public.keys.values()))
    shown = widget()
    state = dependency_state([shown], drop_defaults=False)  # and not all that other tests made
    page = json.dumps(embed_data(views=[shown], drop_defaults=False, state=state))
    assert len(page) < 2_000_000


def test_other_plans_and_images_are_refused():
    with pytest.raises(HelibError, match="28×28"):
        he.widgets.DrawDigit(small_plan("dense"), examples(), DIGITS)
    with pytest.raises(HelibError, match="examples"):
        he.widgets.DrawDigit(plan(), examples()[:2], DIGITS)
    with pytest.raises(HelibError, match="0 to 1"):
        he.widgets.DrawDigit(plan(), 255 * examples(), DIGITS)


def test_a_page_takes_no_plan_whose_flood_it_would_leave_out():
    flood = Flood(40, 1, 1e-9, plan().interface.result_scale, plan().interface.period)
    with pytest.raises(ParameterError, match="flood"):
        he.widgets.DrawDigit(replace(plan(), flood=flood), examples(), DIGITS)


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
