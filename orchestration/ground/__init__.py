"""What all rooms stand on: the base error, durable files and locks, a closed DuckDB, harmless text. Imports no room."""
