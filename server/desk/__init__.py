"""The desk: pages in a browser, and what several of them share."""
