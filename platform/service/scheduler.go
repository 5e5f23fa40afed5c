package service

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"devcert/devcert"
)

// What Task Scheduler says of a task's last run, as schtasks shows it: the numbers
// are the same in every language.
const (
	taskRuns     = "267009"      // SCHED_S_TASK_RUNNING
	taskRunsOn   = "-2147216609" // SCHED_E_ALREADY_RUNNING: another start was ignored
	taskNeverRan = "267011"      // SCHED_S_TASK_HAS_NOT_RUN
)

// scheduler keeps services as tasks that start when the user logs on.
type scheduler struct {
	folder string // where Windows keeps a file for each task
	sid    string // of the user: tasks are the machine's, and each user has their own
	// tool runs schtasks.
	tool    tool
	missing error // why there is no tool, or no user
	settle  time.Duration
}

func (m *scheduler) task(name, home string) string { return nameOf(name, home) + "-" + m.sid }

// there says whether there may be a task. Where there is none there is no file; in
// what there is not everybody may look.
func (m *scheduler) there(task string) bool {
	_, err := os.Lstat(filepath.Join(m.folder, task))
	return !errors.Is(err, fs.ErrNotExist)
}

// Look asks schtasks only where there is a task.
func (m *scheduler) Look(ctx context.Context, name, home string) devcert.ServiceState {
	task := m.task(name, home)
	state := devcert.ServiceState{Standing: devcert.ServiceAbsent, Where: "the task " + task}
	if m.missing != nil {
		state.Standing, state.Evidence = devcert.ServiceUnknown, m.missing.Error()
		return state
	}
	if !m.there(task) {
		return state
	}
	out, err := m.tool.ask(ctx, "/Query", "/TN", task, "/XML")
	is, terr := readTask(out)
	if err = errors.Join(err, terr); err != nil {
		state.Standing, state.Evidence = devcert.ServiceUnknown, err.Error()
		return state
	}
	s, err := is.service()
	if err != nil {
		state.Standing = devcert.ServiceForeign
		return state
	}
	state.Service, state.Standing, state.Broken = s, devcert.ServiceStarts, broken(s.Program)
	if is.Enabled == "false" {
		state.Standing = devcert.ServiceDisabled
	}
	result, err := m.result(ctx, task)
	state.Running, state.Evidence = runningBy(result), evidenceOf(result)
	if err != nil {
		state.Running, state.Evidence = devcert.RunsUnknown, err.Error()
	}
	return state
}

// result is what the last run came to. Its column is told by its place: the names
// are translated.
func (m *scheduler) result(ctx context.Context, task string) (string, error) {
	out, err := m.tool.ask(ctx, "/Query", "/TN", task, "/FO", "CSV", "/V", "/NH")
	if err != nil {
		return "", err
	}
	result, err := parseResult(out)
	if err != nil {
		return "", errors.Join(errors.New("schtasks shows no result of "+task), err)
	}
	return result, nil
}

func parseResult(out []byte) (string, error) {
	const column = 6 // host, task, next run, status, logon mode, last run, last result
	r := csv.NewReader(bytes.NewReader(out))
	r.FieldsPerRecord, r.LazyQuotes = -1, true
	row, err := r.Read()
	if err == nil && len(row) <= column {
		err = fmt.Errorf("a line of %d columns", len(row))
	}
	if err != nil {
		return "", err
	}
	return row[column], nil
}

func runningBy(result string) devcert.Running {
	if result == taskRuns || result == taskRunsOn {
		return devcert.Runs
	}
	return devcert.RunsNot
}

func evidenceOf(result string) string {
	switch result {
	case taskRuns, taskRunsOn:
		return "Task Scheduler runs it"
	case taskNeverRan:
		return "Task Scheduler has not started it yet"
	}
	return "its last run ended with " + result
}

// Install registers the task, and starts it.
func (m *scheduler) Install(ctx context.Context, s devcert.Service) error {
	task := m.task(s.Name, s.Home)
	if m.missing != nil {
		return fmt.Errorf("install %s: %w: %w", task, devcert.ErrUnsupported, m.missing)
	}
	data, err := writeTask(s, m.sid)
	if err != nil {
		return err
	}
	had := m.Look(ctx, s.Name, s.Home)
	same := had.Standing == devcert.ServiceStarts && had.Service.Program == s.Program && slices.Equal(had.Service.Args, s.Args)
	switch {
	case had.Standing == devcert.ServiceForeign:
		return &foreignError{had.Where}
	case had.Standing == devcert.ServiceUnknown:
		return fmt.Errorf("install %s: %s", task, had.Evidence)
	case same && had.Running == devcert.Runs:
		return nil
	case had.Running == devcert.Runs:
		if err := m.tool.change(ctx, "/End", "/TN", task); err != nil {
			return err
		}
	}
	if !same {
		if err := m.register(ctx, task, data); err != nil {
			return err
		}
	}
	if err := m.tool.change(ctx, "/Run", "/TN", task); err != nil {
		return err
	}
	return m.watch(ctx, task)
}

// register hands the task over in a file that nobody else can look into.
func (m *scheduler) register(ctx context.Context, task string, data []byte) error {
	dir, err := os.MkdirTemp("", "devcert-task-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "task.xml")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		return err
	}
	err = m.tool.change(ctx, "/Create", "/TN", task, "/XML", file, "/F")
	return err
}

// watch sees whether the task stays up. One that is not started is for a user who
// is logged on otherwise than on the screen.
func (m *scheduler) watch(ctx context.Context, task string) error {
	if err := pause(ctx, m.settle); err != nil {
		return err
	}
	result, err := m.result(ctx, task)
	switch {
	case err != nil:
		return err
	case result == taskNeverRan:
		return &devcert.NotStartedError{Why: "Task Scheduler waits until its user logs on; it starts then"}
	case runningBy(result) != devcert.Runs:
		return &failedError{evidenceOf(result), "", nil}
	}
	return nil
}

// Remove ends the task and removes it.
func (m *scheduler) Remove(ctx context.Context, name, home string) error {
	task := m.task(name, home)
	switch is := m.Look(ctx, name, home); {
	case is.Standing == devcert.ServiceUnknown:
		return fmt.Errorf("remove %s: %s", task, is.Evidence)
	case is.Standing == devcert.ServiceAbsent || is.Standing == devcert.ServiceForeign:
		return nil
	case is.Running != devcert.RunsNot:
		if err := m.tool.change(ctx, "/End", "/TN", task); err != nil && is.Running == devcert.Runs {
			return err
		}
	}
	err := m.tool.change(ctx, "/Delete", "/TN", task, "/F")
	return err
}
