"""The tests of nnconform, in folders by what they need: no framework, except in `matrix`, `backends` and `end_to_end`."""
