"""No test touches the reader's own folder."""

import os
import tempfile

os.environ["COURSE_HOME"] = tempfile.mkdtemp(prefix="course-home-")
