"""One module per outside system; each implements ports of the plane and knows no sibling."""
