"""Vocabularies, character and word tokenizers: ids, exact round trips, files, bad input."""

import json
import string
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.text import CharacterTokenizer, Vocabulary, WordTokenizer, join_words, split_words

PROPERTY = settings(deadline=None, max_examples=100)
SPACY = st.text(st.sampled_from("ab1²٣_.:,!'’-/()«»\"% \n\t\u202f\u00a0é\u0301<>"), max_size=30)
ANY_TEXT = st.one_of(st.text(max_size=40), SPACY)


def test_special_tokens_come_first_and_have_named_ids():
    vocabulary = Vocabulary(["b", "a"], specials=("pad", "bos", "eos", "unk", "mask"))
    named = (vocabulary.pad_id, vocabulary.bos_id, vocabulary.eos_id, vocabulary.unk_id)
    assert named == (0, 1, 2, 3)
    assert vocabulary.ids["<mask>"] == 4
    assert vocabulary.decode(range(len(vocabulary)))[3:] == ["<unk>", "<mask>", "b", "a"]


def test_frequent_tokens_come_first_and_ties_do_not_depend_on_the_order():
    tokens = "the cat saw the dog and the dog saw the bird".split()
    expected = ["<pad>", "the", "dog", "saw", "and", "bird", "cat"]
    assert Vocabulary.from_tokens(tokens, ("pad",)).tokens == expected
    assert Vocabulary.from_tokens(reversed(tokens), ("pad",)).tokens == expected
    assert Vocabulary.from_tokens(tokens, ("pad",), n_vocab=3).tokens == expected[:3]


def test_an_unknown_token_is_unk_or_an_error_that_names_near_ones():
    assert Vocabulary(["cat", "dog"], ("pad", "unk")).encode(["dog", "cow"]) == [3, 1]
    with pytest.raises(ValueError, match=r"'cats' is not among the 2 tokens.*near ones: cat"):
        Vocabulary(["cat", "dog"]).encode(["dog", "cats"])
    with pytest.raises(ValueError, match="'<pad>' is not among"):
        _ = Vocabulary(["cat"]).pad_id


@pytest.mark.parametrize("wrong", [-1, 3, 10**9])
def test_ids_out_of_range(wrong):
    vocabulary = Vocabulary("abc")
    with pytest.raises(ValueError, match=r"0 \.\.\. 2; got \[" + str(wrong)):
        vocabulary.decode([0, wrong])
    for kind in (CharacterTokenizer, WordTokenizer):
        with pytest.raises(ValueError, match="ids"):
            kind(vocabulary).decode([wrong])


def test_bad_vocabularies():
    with pytest.raises(ValueError, match="twice: \\['a'\\]"):
        Vocabulary("aba")
    with pytest.raises(ValueError, match="twice: \\['<pad>'\\]"):
        Vocabulary(["<pad>"], ("pad",))
    with pytest.raises(ValueError, match="n_vocab must be over 2"):
        Vocabulary.from_tokens("abc", ("pad", "unk"), n_vocab=2)


@pytest.mark.parametrize("kind", [CharacterTokenizer, WordTokenizer])
@pytest.mark.parametrize("texts", [[], [""], ""])
def test_nothing_can_be_learnt_from_nothing(kind, texts):
    with pytest.raises(ValueError, match="empty"):
        kind.from_texts(texts, specials=("pad",))


@pytest.mark.parametrize("kind", [CharacterTokenizer, WordTokenizer])
def test_text_must_be_a_string(kind):
    with pytest.raises(TypeError, match="text must be a string; got list"):
        kind.from_texts("a b").encode(["a"])
    with pytest.raises(TypeError, match="text must be a string; got int"):
        kind.from_texts(["a", 5])


@PROPERTY
@given(ANY_TEXT)
def test_characters_round_trip(text):
    tokenizer = CharacterTokenizer.from_texts([text, "x"], ("pad", "bos", "eos", "unk"))
    ids = tokenizer.encode(text)
    assert len(ids) == len(text)
    vocabulary = tokenizer.vocabulary
    assert tokenizer.decode([vocabulary.bos_id, *ids, vocabulary.eos_id, vocabulary.pad_id]) == text


@PROPERTY
@given(ANY_TEXT, st.booleans())
def test_words_round_trip(text, digits):
    tokens = split_words(text, digits)
    assert join_words(tokens) == text
    assert not digits or all(len(token) == 1 for token in tokens if any(c.isdecimal() for c in token))
    tokenizer = WordTokenizer.from_texts([text, "x"], ("pad", "bos", "eos", "unk"), digits=digits)
    vocabulary = tokenizer.vocabulary
    assert tokenizer.decode([vocabulary.bos_id, *tokenizer.encode(text), vocabulary.eos_id]) == text


@PROPERTY
@given(st.lists(st.sampled_from([*"ab1.,'(« \n", "<join>", "word", "<unk>"]), max_size=12))
def test_any_tokens_a_model_writes_can_be_joined(tokens):
    assert "".join(join_words(tokens).split()) == "".join(tokens).replace("<join>", "").translate(
        {ord(space): None for space in string.whitespace}
    )


def test_ordinary_text_needs_no_spacing_tokens():
    text = "“Don't go,” he said (at 10:30): it's 3.5 % of mid-May, l’heure d'été!"
    assert not {" ", "<join>"} & set(split_words(text.replace("3.5 %", "3.5%"), digits=True))
    assert split_words("May 12, 2024", digits=True) == ["May", "1", "2", ",", "2", "0", "2", "4"]
    assert split_words("May 12", digits=False) == ["May", "12"]
    assert split_words("1 2  3") == ["1", " ", "2", " ", " ", "3"]
    assert split_words("5km", digits=True) == ["5", "<join>", "km"]


def test_one_text_is_not_read_letter_by_letter():
    assert WordTokenizer.from_texts("one two").vocabulary.tokens == ["one", "two"]


def test_unknown_words_stay_visible():
    tokenizer = WordTokenizer.from_texts("yes no yes", specials=("pad", "unk"), n_vocab=3)
    assert tokenizer.decode(tokenizer.encode("yes no")) == "yes <unk>"


TOKENIZERS = [
    Vocabulary(["ö", "\ud800", " "], ("pad", "mask")),
    CharacterTokenizer.from_texts("naïve 東\n", ("pad", "unk")),
    WordTokenizer.from_texts("12 naïve cats", ("pad",), digits=True),
    WordTokenizer.from_texts("12 naïve cats"),
]


@pytest.mark.parametrize("saved", TOKENIZERS)
def test_files(saved, tmp_path):
    saved.save(tmp_path / "t.json")
    loaded = type(saved).load(tmp_path / "t.json")
    assert vars(getattr(loaded, "vocabulary", loaded)) == vars(getattr(saved, "vocabulary", saved))
    assert getattr(loaded, "digits", None) == getattr(saved, "digits", None)
    assert len(loaded) == len(saved)


def test_broken_files(tmp_path):
    path = tmp_path / "t.json"
    with pytest.raises(FileNotFoundError):
        WordTokenizer.load(path)
    CharacterTokenizer.from_texts("ab").save(path)
    with pytest.raises(ValueError, match="kind 'words'; its kind is 'characters'"):
        WordTokenizer.load(path)
    whole = json.loads(path.read_text(encoding="utf-8"))
    for broken in (
        b"\xff\xfe",
        b'{"kind": ',
        b"[1, 2]",
        json.dumps({"kind": "characters", "tokens": ["a"]}).encode(),
        json.dumps({**whole, "tokens": "ab"}).encode(),
        json.dumps({**whole, "tokens": [1, 2]}).encode(),
        json.dumps({**whole, "tokens": ["a", "a"]}).encode(),
        json.dumps({**whole, "specials": None}).encode(),
    ):
        path.write_bytes(broken)
        with pytest.raises(ValueError):
            CharacterTokenizer.load(path)


def test_text_loads_no_torch():
    code = "import course_lib.text, sys; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
