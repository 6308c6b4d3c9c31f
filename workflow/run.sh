#!/bin/sh
# Run the workflow, with our console, and the arguments after the first, which names the folder of executables.
# After a crash of Snakemake itself its lock stays behind; we hold a lock of our own that the kernel
# takes back, so we know whether that one is stale.
set -eu
bin=$1
shift
if command -v flock >/dev/null 2>&1; then
    mkdir -p .snakemake
    exec 9>.snakemake/grokflow.lock
    if ! flock --timeout 2 9; then  # what was killed a moment ago takes that moment to end
        echo "Error: another workflow is running in this folder; wait for it, or stop it first." >&2
        exit 1
    fi
    if [ -n "$(ls -A .snakemake/locks 2>/dev/null)" ]; then
        "$bin/snakemake" --unlock --cores 1 >/dev/null 2>&1 || true  # else it says itself that it is locked
        # What it had submitted would run beside what we submit. All its jobs are called by the number of that run.
        run=$(ls -tr .snakemake/log/*.log 2>/dev/null | xargs -r sed -n 's/^SLURM run ID: //p' | tail -n 1)
        queued() { [ -n "$run" ] && [ -n "$(squeue --noheader --name "$run" 2>/dev/null)" ]; }
        if queued; then
            echo "The workflow that was killed has jobs in the queue; they save their state and end first." >&2
            scancel --name "$run" || true
            for _ in $(seq 60); do
                queued || break
                sleep 1
            done
        fi
    fi
fi
exec "$bin/python" "$(dirname "$0")/console/run.py" --logger=console "$@"
