"""Four CPU devices, so that sharding is really tested; derandomised hypothesis without deadlines."""

import os

import hypothesis

# Tests compile more than they compute, so they compile with less effort; what is chosen already stands.
if "xla_backend_optimization_level" not in os.environ.get("XLA_FLAGS", ""):
    QUICK = "--xla_cpu_use_fusion_emitters=false --xla_backend_optimization_level=1"
    os.environ["XLA_FLAGS"] = f"{QUICK} {os.environ.get('XLA_FLAGS', '')}".strip()

from ltjax.machine import devices

devices.use_cores(4)

hypothesis.settings.register_profile("ltjax", derandomize=True, deadline=None, max_examples=60, print_blob=True)
hypothesis.settings.load_profile("ltjax")
