"""What runs beside the node: demo, benchmark over DDS, player, generated documents."""
