"""What the emulated CRMs share: a server in a running loop, a wire to cut, chores, forms as PHP has them."""
