"""Pure `jit`/`vmap` numerics: no statistics, no input or output."""
