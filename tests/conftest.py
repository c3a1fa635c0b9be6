"""Four CPU devices, so that sharding is really tested; derandomised hypothesis without deadlines."""

import hypothesis
import jax

jax.config.update("jax_num_cpu_devices", 4)

hypothesis.settings.register_profile("ltjax", derandomize=True, deadline=None, max_examples=60, print_blob=True)
hypothesis.settings.load_profile("ltjax")
