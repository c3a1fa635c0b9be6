"""Four CPU devices, so that sharding is really tested; derandomised hypothesis without deadlines."""

import hypothesis

from ltjax.machine import devices as parallel

parallel.use_cores(4)

hypothesis.settings.register_profile("ltjax", derandomize=True, deadline=None, max_examples=60, print_blob=True)
hypothesis.settings.load_profile("ltjax")
