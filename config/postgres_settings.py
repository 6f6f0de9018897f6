"""Settings of the embedded PostgreSQL, from the memory that this machine gives us."""

import os
from pathlib import Path

# What a container may use, in bytes or "max": cgroup 2, and 1 where that still runs.
LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


def memory_mb(limits: tuple[Path, ...] = LIMITS) -> int:
    """Megabytes we may use: what the machine has, or what its container is given if that is less."""
    bytes_max = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for limit in limits:
        try:
            bytes_max = min(bytes_max, int(limit.read_text()))
        except (OSError, ValueError):
            continue
    return bytes_max // 2**20


def settings(memory_mb: int) -> dict[str, str]:
    """A tenth of the memory as cache, up to 2 GB (the purchases of a million members stay in it); few but large checkpoints."""
    return {
        "shared_buffers": f"{max(64, min(2048, memory_mb // 10))}MB",
        "effective_cache_size": f"{max(256, memory_mb // 3)}MB",
        "work_mem": "32MB",
        "maintenance_work_mem": "128MB",
        "max_connections": "200",
        "max_wal_size": "2GB",
        "checkpoint_timeout": "15min",
        "wal_compression": "on",
        "random_page_cost": "1.1",
        "jit": "off",
        "log_min_messages": "warning",
        "log_min_error_statement": "panic",
        "timezone": "'UTC'",
        "log_timezone": "'UTC'",
        "datestyle": "'iso, mdy'",
    }
