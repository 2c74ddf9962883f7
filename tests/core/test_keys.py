from hypothesis import given
from hypothesis import strategies as st

from fogbank.core.keys import KeyCodec

TYPES = (str, int, bytes)
keys = st.tuples(
    st.text(alphabet=st.characters(exclude_categories=("Cs",)), max_size=8),
    st.integers(-(2**63), 2**63 - 1),
    st.binary(max_size=8),
)


@given(keys, keys)
def test_encoded_keys_sort_as_their_tuples_do(a: tuple[str, int, bytes], b: tuple[str, int, bytes]) -> None:
    codec = KeyCodec(TYPES, b"tbl1")
    by_code_point = [(key[0].encode("utf-8"), key[1], key[2]) for key in (a, b)]
    assert (codec.encode(a) < codec.encode(b)) == (by_code_point[0] < by_code_point[1])


@given(keys)
def test_a_key_comes_back_as_it_was(key: tuple[str, int, bytes]) -> None:
    codec = KeyCodec(TYPES, b"tbl1")
    assert codec.decode(codec.encode(key)) == key


@given(keys, keys)
def test_only_a_keys_own_first_parts_are_its_prefix(a: tuple[str, int, bytes], b: tuple[str, int, bytes]) -> None:
    codec = KeyCodec(TYPES, b"tbl1")
    assert codec.encode(a).startswith(codec.encode(b[:1])) == (a[0] == b[0])


texts = st.text(alphabet=st.sampled_from("\0\1a\u20ac"), max_size=4)


@given(st.tuples(texts, texts, texts, texts, st.integers(-(2**63), 2**63 - 1)))
def test_long_keys_of_texts_are_encoded_part_by_part(key: tuple[str, str, str, str, int]) -> None:
    for types in ((str, str, str, str, int), (str, str, str, str)):
        codec, part = KeyCodec(types, b"tbl1"), key[: len(types)]
        assert codec.encode(part) == b"tbl1" + b"".join(
            KeyCodec((kind,), b"").encode((one,)) for kind, one in zip(types, part, strict=True)
        )
        assert codec.decode(codec.encode(part)) == part
        assert codec.encode(part).startswith(codec.encode(part[:2]))
