# Runs in the image of Dockerfile; no test runs it.
set -e
export COURSE_HOME="$HOME/attention-course"
/srv/course/.venv/bin/python -P -c "
import os
from pathlib import Path
from course_lib import lab
lab.prepare_folder(Path('/srv/course'), Path(os.environ['COURSE_HOME']))
"
cd "$COURSE_HOME"
exec jupyterhub-singleuser --KernelManager.transport=ipc \
    --LabApp.news_url=None --LabApp.extension_manager=readonly \
    --LabApp.app_settings_dir=/srv/course/course_lib/lab_settings "$@"
