"""Chapter `relu-collapse`: what ReLU loses after an expansion, and how much can be undone."""
