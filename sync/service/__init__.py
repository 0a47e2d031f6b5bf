"""What residents ask for: tickets, lost property, found items, arrears."""
