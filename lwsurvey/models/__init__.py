"""The surveyed blocks and networks, each proven equal to torchvision's or timm's."""
