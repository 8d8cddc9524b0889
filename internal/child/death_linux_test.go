package child_test

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/gputally/gputally/internal/child"
)

// envParent makes TestAChildEndsWithItsParent the parent.
const envParent = "GPUTALLY_TEST_PARENT"

func TestAChildEndsWithItsParent(t *testing.T) {
	if os.Getenv(envParent) != "" {
		c, err := child.Start(exec.Command("sleep", "300"), nil)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Println("child", c.PID())
		<-c.Done() // until this process is killed
		return
	}
	t.Parallel()
	parent := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	parent.Env = append(os.Environ(), envParent+"=1")
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	var pid int
	for lines := bufio.NewScanner(out); pid == 0 && lines.Scan(); {
		_, _ = fmt.Sscanf(lines.Text(), "child %d", &pid)
	}
	if pid == 0 {
		_ = parent.Process.Kill()
		t.Fatalf("the parent started nothing: %v", parent.Wait())
	}
	if !alive(pid) {
		t.Error("the child ended before its parent")
	}
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait() // killed
	for deadline := time.Now().Add(20 * time.Second); alive(pid); runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatal("the child outlived its parent")
		}
	}
}

// alive reports whether such a process runs: a dead one has no command line.
func alive(pid int) bool {
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return err == nil && len(line) > 0
}

// Linux sends the death signal when the thread ends that started the child, which
// the runtime lets happen while the process lives on.
func TestAChildOutlivesTheThreadOfItsStarter(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), "sh", "-c", "read line; exit 7")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var c *child.Child
	starter := onOwnThread(func() { c, err = child.Start(cmd, nil) })
	if err != nil {
		t.Fatal(err)
	}
	ended := child.Met("the thread ended", func() bool {
		_, err := os.Stat(filepath.Join("/proc/self/task", strconv.Itoa(starter)))
		return errors.Is(err, fs.ErrNotExist)
	})
	if err := child.Poll(t.Context(), ended); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintln(stdin, "go on"); err != nil {
		t.Error(err)
	}
	if <-c.Done(); c.State().ExitCode() != 7 {
		t.Errorf("it ended with %v, want exit status 7", c.State())
	}
}

// onOwnThread runs do on a thread that ends afterwards, and returns its number.
func onOwnThread(do func()) int {
	thread := make(chan int)
	go func() {
		runtime.LockOSThread() // and never unlock: the thread ends with this goroutine
		if syscall.Gettid() == os.Getpid() {
			thread <- onOwnThread(do) // the first thread stays for ever
			return
		}
		do()
		thread <- syscall.Gettid()
	}()
	return <-thread
}
