"""What a monitor or a load balancer asks."""
