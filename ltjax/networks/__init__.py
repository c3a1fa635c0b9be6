"""Two-layer ReLU networks, masks, targets; and drawing only the neurons that bend near a target's kink."""

from ltjax.networks.two_layer import *  # noqa: F403
