"""What every service stands on: store, clock, outbox, tasks, errors, and the cloud that joins them."""
