"""Where networks come from: one module for each source, which loads its library when asked.

Each has ``build(name, device, size, width)`` and, but for the user's own code, ``names()``,
``has(name)`` and ``inputs(name, size, batch)``. Nothing here ever downloads weights.
"""
