"""Templates, style sheets and scripts of the HTML pages (package data)."""
