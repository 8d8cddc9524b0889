// Package cgroup finds out from control groups which pod and container a process
// belongs to, and which pods there are.
//
// The kubelet and the container runtime put every process of a pod into a
// cgroup whose path spells the pod's UID and the container's id, in one of a few
// ways:
//
//	/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod<uid>.slice/cri-containerd-<id>.scope
//	                                          systemd; CRI-O writes crio-<id>, Docker docker-<id>;
//	                                          the UID has _ for -
//	/kubepods/burstable/pod<uid>/<id>         cgroupfs; CRI-O writes crio-<id>
//	…/kubepods-burstable-pod<uid>.slice:cri-containerd:<id>
//	                                          a runtime set up for cgroupfs below a kubelet set up for systemd
//
// The kubelet may have a root of its own above these, a container may make more
// below them, and to a reader in a cgroup namespace the path begins with "..".
// So what counts is the outermost element that names a pod, and the one below
// it. Nothing else on a node looks like it: UIDs are checked for their form.
//
// cgroup v1 has a path in each of its hierarchies, v2 has one, and mixed systems
// have both. All paths that name a pod must name the same.
//
// A process whose PID can't be looked up, because the collector has a PID
// namespace of its own, has no owner. There a PID may also hit upon one of the
// collector's own processes; these have no owner either. In the host's namespace
// one that is listed again and again and is not in /proc counts as in no pod.
package cgroup
