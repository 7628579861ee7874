// Holds a pod's namespaces: waits for SIGTERM, and reaps the children of processes that ended before them.
#include <signal.h>
#include <sys/wait.h>

int main(void) {
	sigset_t signals;
	sigemptyset(&signals);
	sigaddset(&signals, SIGCHLD);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &signals, 0);
	for (;;) {
		siginfo_t signal;
		if (sigwaitinfo(&signals, &signal) == SIGINT || signal.si_signo == SIGTERM) return 0;
		while (waitpid(-1, 0, WNOHANG) > 0) {}
	}
}
