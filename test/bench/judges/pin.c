/*
 * pin CORE PRIORITY PROGRAM [ARGUMENTS]: runs a program on one core, with as many open files as the machine allows; with
 * a PRIORITY above 0 before all ordinary processes, which takes root. It is killed when whoever started it dies, however
 * that happened: a bench that was killed leaves nothing behind.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>
#include <string.h>
#include <errno.h>
#include "net.h"

int main(int count, char **arguments) {
  if (count < 4) die("usage: pin CORE PRIORITY PROGRAM [ARGUMENTS]");
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  need_files(64);
  cpu_set_t cores;
  CPU_ZERO(&cores);
  CPU_SET((unsigned)atoi(arguments[1]), &cores);
  if (sched_setaffinity(0, sizeof cores, &cores) != 0) die("core %s: %s", arguments[1], strerror(errno));
  struct sched_param priority = {.sched_priority = atoi(arguments[2])};
  if (priority.sched_priority > 0 && sched_setscheduler(0, SCHED_RR, &priority) != 0)
    die("a priority before ordinary processes: %s", strerror(errno));
  execvp(arguments[3], arguments + 3);
  die("%s: %s", arguments[3], strerror(errno));
}
