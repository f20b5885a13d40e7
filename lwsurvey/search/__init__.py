"""Search for networks: reward, space, controllers, NetAdapt."""
