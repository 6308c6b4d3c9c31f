"""A SLURM of our own on this machine: a controller, and two nodes with a CPU and a pretended GPU each."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import stat
import subprocess
import tempfile
import time
from pathlib import Path

import psutil

PACKAGES = ("munge", "slurmctld", "slurmd", "slurm-client")
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch")
FILES = Path("/etc/slurm")  # nowhere else, because the plugin hides SLURM_CONF from jobs
OURS = "# Written by grokflow's `make test-cluster` and removed when it ends.\n"
NODES = ("node1", "node2")

# `without_gpus` is a node that exists on paper alone: enough to be refused a GPU there.
SETTINGS = """
ClusterName=grokflow
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort=16817
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
GresTypes=gpu
EnforcePartLimits=ALL
JobSubmitPlugins=lua
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
JobRequeue=1
ReturnToService=2
MinJobAge=86400
KillWait=15
NodeName=node1 NodeHostname={host} NodeAddr=127.0.0.1 Port=16818 CPUs=1 RealMemory=16000 Gres=gpu:1
NodeName=node2 NodeHostname={host} NodeAddr=127.0.0.1 Port=16819 CPUs=1 RealMemory=16000 Gres=gpu:1
NodeName=without_gpus NodeHostname={host} NodeAddr=127.0.0.1 Port=16820 CPUs=1 RealMemory=16000 State=DOWN
PartitionName=main Nodes=node1,node2 Default=YES PriorityTier=1
PartitionName=urgent Nodes=node1,node2 PriorityTier=10
PartitionName=billed Nodes=node1,node2
PartitionName=cpu Nodes=without_gpus
"""

GPUS = "NodeName={node} Name=gpu File={device}\n"

WITH_ACCOUNT = """
function slurm_job_submit(job, partitions, user)
   if job.partition == "billed" and job.account == nil then
      slurm.log_user("the partition billed needs an account")
      return 2045 -- invalid account, as accounting says where it is enforced
   end
   return slurm.SUCCESS
end
function slurm_job_modify(job, record, partitions, user)
   return slurm.SUCCESS
end
return slurm.SUCCESS
"""


class CannotStart(Exception):
    """There is a SLURM already, or none can be had here."""


class Cluster:
    """Started by `start`, gone after `stop`: processes, devices and files."""

    def __init__(self) -> None:
        self.folder = Path()
        self.devices = {node: Path(f"/dev/grokflow-gpu-{node}") for node in NODES}
        self.written: list[Path] = []

    def start(self) -> None:
        """Start it and wait for both nodes.

        Raises
        ------
        CannotStart : before any file or process of SLURM was touched.
        """
        refuse_another()
        install()
        self.folder = Path(tempfile.mkdtemp(prefix="slurm."))
        self.folder.chmod(0o755)  # munge refuses a socket that not everyone can reach
        for name in ("munge", "state", *NODES):
            (self.folder / name).mkdir(parents=True)
        host = socket.gethostname()
        self._write("slurm.conf", OURS + SETTINGS.format(host=host, folder=self.folder))
        gpus = [GPUS.format(node=node, device=device) for node, device in self.devices.items()]
        self._write("gres.conf", OURS + "".join(gpus))
        self._write("job_submit.lua", OURS.replace("#", "--") + WITH_ACCOUNT)
        for device in self.devices.values():
            device.unlink(missing_ok=True)
            os.mknod(device, 0o666 | stat.S_IFCHR, Path("/dev/null").stat().st_rdev)
        self._start_munge()
        self.start_controller()
        for node in NODES:
            run("slurmd", "-N", node)
        wait_for(lambda: run("sinfo", "-h", "-N", "-p", "main", "-o", "%t").split() == ["idle"] * len(NODES))

    def stop(self) -> None:
        """End what was started and remove what was made, whatever has happened to it."""
        if self.folder == Path():
            return
        for number in filter(None, [pid(file) for file in self.folder.rglob("*pid")]):
            with contextlib.suppress(psutil.NoSuchProcess):
                daemon = psutil.Process(number)
                kill([daemon, *daemon.children(recursive=True)])
        kill(self._steps())
        for path in (*self.written, *self.devices.values()):
            path.unlink(missing_ok=True)
        shutil.rmtree(self.folder)

    def start_controller(self) -> None:
        run("slurmctld")
        wait_for(lambda: "UP" in run("scontrol", "ping"))

    def kill_controller(self) -> None:
        number = pid(self.folder / "slurmctld.pid")
        assert number is not None
        process = psutil.Process(number)
        process.kill()
        wait_for(lambda: not process.is_running())

    def jobs(self) -> list[dict[str, str]]:
        """All that were ever submitted, the first first."""
        names = ("id", "state", "node", "limit", "rule")
        lines = run("squeue", "-h", "-t", "all", "-o", "%i|%T|%N|%l|%k").splitlines()
        jobs = [dict(zip(names, line.split("|"), strict=True)) for line in lines]
        return sorted(jobs, key=lambda job: int(job["id"]))

    def restarts(self, job: str) -> int:
        """How often SLURM has queued a job again."""
        shown = run("scontrol", "show", "job", job)
        return int(shown.partition("Restarts=")[2].split()[0])

    def _start_munge(self) -> None:
        folder = self.folder / "munge"
        (folder / "key").write_bytes(os.urandom(1024))
        (folder / "key").chmod(0o400)
        files = [f"--{name}-file={folder / name}" for name in ("key", "pid", "log", "seed")]
        run("munged", "--num-threads=10", f"--socket={folder / 'socket'}", *files)
        wait_for((folder / "socket").exists)

    def _write(self, name: str, text: str) -> None:
        (FILES / name).write_text(text, encoding="utf-8")
        self.written.append(FILES / name)

    def _steps(self) -> list[psutil.Process]:
        """What runs jobs; these daemons outlive the one that started them."""
        found = []
        for process in psutil.process_iter(["name"]):
            with contextlib.suppress(psutil.NoSuchProcess):
                if process.info["name"] == "slurmstepd":
                    found += [process, *process.children(recursive=True)]
        return found


def kill(processes: list[psutil.Process]) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


def refuse_another() -> None:
    """Leave a SLURM alone that we did not start.

    Raises
    ------
    CannotStart : when there is one.
    """
    running = [p.pid for p in psutil.process_iter(["name"]) if p.info["name"] in ("slurmctld", "slurmd")]
    if running:
        numbers = " ".join(map(str, running))
        raise CannotStart(f"A SLURM runs here already (processes {numbers}). Nothing was touched.")
    for name in ("slurm.conf", "gres.conf", "job_submit.lua"):
        path = FILES / name
        if path.exists() and OURS.strip("#\n") not in path.read_text(encoding="utf-8", errors="replace"):
            raise CannotStart(f"{path} is not ours: there is another SLURM. Nothing was touched.")


def install() -> None:
    """Have Debian's packages where they are missing.

    Raises
    ------
    CannotStart : when we may not, or there are none.
    """
    if os.geteuid() != 0:
        raise CannotStart("Only root can start a SLURM that runs jobs. Run `make test-cluster` as root.")
    if all(map(shutil.which, PROGRAMS)):
        return
    if shutil.which("apt-get") is None:
        raise CannotStart(f"Install {', '.join(PACKAGES)} first; only Debian's packages are known here.")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "--yes", "--no-install-recommends", *PACKAGES]
    for command in (["apt-get", "update"], install):
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise CannotStart(f"{' '.join(command)}: {done.stderr.strip()}")


def run(*command: str) -> str:
    """What a command prints.

    Raises
    ------
    RuntimeError : when it fails.
    """
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stdout}{done.stderr}")
    return done.stdout


def wait_for(condition, seconds=60):
    """Wait until it is true, and no command of it fails; what it came to."""
    end, failed = time.monotonic() + seconds, ""
    while time.monotonic() < end:
        try:
            if found := condition():
                return found
        except RuntimeError as error:
            failed = str(error)
        time.sleep(0.2)
    raise AssertionError(f"not within {seconds} s. {failed}")


def pid(file: Path) -> int | None:
    """The process that has written its number there."""
    with contextlib.suppress(OSError, ValueError):
        return int(file.read_text())
    return None
