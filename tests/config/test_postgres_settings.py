"""How much memory the embedded PostgreSQL takes for itself."""

from config.postgres_settings import memory_mb, settings


def test_a_container_that_is_given_less_than_the_machine_has_counts(tmp_path):
    given, unlimited, absent = tmp_path / "given", tmp_path / "unlimited", tmp_path / "absent"
    given.write_text("536870912\n")
    unlimited.write_text("max\n")
    assert memory_mb((absent, given)) == 512
    assert memory_mb((unlimited, absent)) == memory_mb(()) > 0


def test_the_cache_grows_with_the_memory_between_two_limits():
    cached = {mb: settings(mb)["shared_buffers"] for mb in (128, 4096, 16_384, 262_144)}
    assert cached == {128: "64MB", 4096: "409MB", 16_384: "1638MB", 262_144: "2048MB"}
