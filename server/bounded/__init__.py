"""Libraries that read what strangers send, in processes of limited memory and processor time."""
