"""Who acts. Now the operating system's user; principals and permissions follow."""
