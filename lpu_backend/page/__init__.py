"""Pages: self-contained HTML, of the chip and of whatever stands above it."""
