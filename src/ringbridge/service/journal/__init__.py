"""What is done with the calls that there were: taken over, decided anew, sent again, counted, reported, forgotten."""
