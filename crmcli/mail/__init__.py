"""Mail in and mail out: bytes to values, values to bytes, and the road between server and database."""
