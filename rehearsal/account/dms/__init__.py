"""The emulated AWS Database Migration Service: AWS's manners over real PostgreSQL logical replication."""
