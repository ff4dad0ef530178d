"""The colours of the course, one meaning each (Okabe and Ito 2008, Color Universal Design).

The explorers' style sheet (`explorers/static/kit.css`) uses the same values.
"""

QUERY = "#D55E00"  # vermilion: what asks
KEY = "#0072B2"  # blue: what is asked
VALUE = "#009E73"  # green: what is handed over
MASKED = "#B8B8B8"  # grey, always hatched as well
ACCENT = "#CC79A7"  # reddish purple: a fourth thing, where a picture needs one
INK = "#22262B"
QUIET = "#6B7280"
GRID = "#E3E6EA"
PAPER = "#FFFFFF"
