"""Data protection: handing out what is kept about a person, erasing it, and letting it run out."""
