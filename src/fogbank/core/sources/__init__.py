"""Reading queues and streams in batches, for those who pass them on: event source mappings and pipes."""
