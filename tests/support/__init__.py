"""What the tests share: scripted servers, fake clocks, feeding every way."""
