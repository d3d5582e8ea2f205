#!/usr/bin/env bash
# Set up the hub on a fresh Debian or Ubuntu, as root: bash install.sh ADDRESS-OF-YOUR-FORK
set -euo pipefail
address=${1:?"give the address of your private fork"}

# Accounts first, with homes closed to others; the clone is the grader's alone.
apt-get install -y git make python3-venv nodejs npm caddy
npm install -g configurable-http-proxy@4 # with Node 20 or later: without @4
for name in teacher ada ben; do
    adduser --gecos "" "$name"
    chmod 700 "/home/$name"
done
runuser -u teacher -- git clone "$address" /home/teacher/course
chmod 700 /home/teacher/course

# One environment for everyone. ch11lib is installed there, not linked to the clone.
python3 -m venv /opt/ch11-hub
cp -r /home/teacher/course /root/course-copy
cd /root/course-copy
/opt/ch11-hub/bin/pip install -r requirements.txt jupyterhub-systemdspawner
/opt/ch11-hub/bin/pip install --no-deps --no-build-isolation .

# The configuration belongs to root, since the hub runs as root. The exchange has the
# mode 1777: everyone may write, and nobody may rename what is another's.
install -d /etc/ch11-hub/labconfig /etc/ch11-hub/grader/labconfig
install -m 644 book/hub/*.py /etc/ch11-hub/
for folder in labconfig grader/labconfig; do
    install -m 644 "book/hub/$folder/page_config.json" "/etc/ch11-hub/$folder/"
done
printf 'ada\nben\n' > /etc/ch11-hub/students.txt
install -d -m 1777 -o teacher /srv/nbgrader/exchange
install -d -m 700 /var/lib/ch11-hub

# The first start, by hand.
cd /var/lib/ch11-hub
/opt/ch11-hub/bin/jupyterhub --config /etc/ch11-hub/jupyterhub_config.py
