"""A model repository is as Triton reads it, and no stranger's file is overwritten."""

import onnxruntime
import pytest
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2

from s2s_core.config.tables import ExportConfig
from s2s_core.errors import ConfigError
from s2s_core.pipeline.model_repository import ModelRepository

DATATYPES = {"tensor(string)": "TYPE_STRING", "tensor(float)": "TYPE_FP32"}


@pytest.fixture
def repository(tmp_path):
    return ModelRepository(tmp_path / "models", "dates")


@pytest.mark.parametrize("telling", [False, True])
def test_the_configuration_describes_the_file(repository, export_once, request, telling):
    """Triton's own definitions can read it; names, types and ranks are those of the file, without the batch."""
    path = request.getfixturevalue("sentences_file") if telling else export_once("characters").path
    repository.require_room()
    repository.write(path.read_bytes(), ExportConfig(confidence=telling, origin=telling))
    config = text_format.Parse(repository.config_path.read_text(), model_config_pb2.ModelConfig())
    session = onnxruntime.InferenceSession(repository.model_path)
    for told, values in ((config.input, session.get_inputs()), (config.output, session.get_outputs())):
        described = [(one.name, model_config_pb2.DataType.Name(one.data_type), len(shape(one)) + 1) for one in told]
        assert described == [(value.name, DATATYPES[value.type], len(value.shape)) for value in values]
    assert (config.name, config.backend, config.max_batch_size) == ("dates", "onnxruntime", 64)
    assert config.HasField("dynamic_batching")


def shape(described):
    """Returns the shape that a model gets for the dimensions that a client sends, without the batch."""
    return described.reshape.shape if described.HasField("reshape") else described.dims


def test_an_earlier_export_is_replaced(repository):
    """By the content of the next one."""
    for content in (b"old", b"new"):
        repository.require_room()
        repository.write(content, ExportConfig())
    assert repository.model_path.read_bytes() == b"new"


def test_strangers_files_are_refused(repository):
    """A model's folder that no export wrote, with or without a configuration."""
    repository.model_path.parent.mkdir(parents=True)
    with pytest.raises(ConfigError, match="was not written by s2s"):
        repository.require_room()
    repository.config_path.write_text('name: "mine"\n')
    with pytest.raises(ConfigError, match="was not written by s2s"):
        repository.require_room()


def test_links_are_refused(repository, tmp_path):
    """They could lead elsewhere."""
    repository.write(b"model", ExportConfig())
    repository.model_path.unlink()
    repository.model_path.symlink_to(tmp_path / "precious")
    with pytest.raises(ConfigError, match="is a symbolic link"):
        repository.require_room()


@pytest.mark.parametrize("name", ["", "..", "a b", 'a"b', "a/b"])
def test_a_name_that_is_none_is_refused(tmp_path, name):
    """It is a folder's name, and stands in the configuration."""
    with pytest.raises(ConfigError, match="can't be a model's name"):
        ModelRepository(tmp_path, name).require_room()


def test_a_file_in_the_place_of_the_repository_is_an_error(tmp_path):
    """Before any work."""
    (tmp_path / "models").write_text("")
    with pytest.raises(OSError, match="there is no folder"):
        ModelRepository(tmp_path / "models", "dates").require_room()
