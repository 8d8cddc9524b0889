// Package attribution says who holds which share of which physical GPU: it
// joins what the driver says (device.Inventory) with what the kubelet says
// (device.Holders).
//
// The kubelet knows devices only by ids that the device plugin made up. An id
// names a device (a physical GPU or a MIG instance) and perhaps a slot of it:
//
//	GPU-<uuid>              a whole GPU
//	GPU-<uuid>::<n>       slot n of a GPU, by time slicing or MPS
//	MIG-<uuid>            a MIG instance
//	MIG-<uuid>::<n>       slot n of a MIG instance
//	MIG-GPU-<uuid>/<g>/<c> compute instance c in GPU instance g of a GPU
//	                      (drivers before 470); a slot of it likewise
//	nvidia<m>             the GPU with device file /dev/nvidia<m> (GKE)
//	nvidia<m>/gi<g>       GPU instance g of it
//	nvidia<m>/vgpu<n>     slot n of it; nvidia<m>/gi<g>/vgpu<n> likewise
//	nvidia<m>/gi<g>/ci<c> compute instance c of GPU instance g of it, which
//	                      is how the device's files name it
//
// A device's part of the physical GPU is 1 for the GPU itself and compute
// slices ÷ the GPU's slices for a MIG instance. A slot is the device's part
// divided by the slots offered. A container's share is the sum over its ids.
//
// Slots are numbered from 0, so that a device has one more than the highest
// number offered, even when one in between is unhealthy and therefore not
// offered. What is offered now counts: a device plugin may be set to another
// number of slots while containers hold some of the former ones. These run on and
// count as slots of the present offer, so that a device never has fewer slots than
// are held. A device that is not offered at all keeps its former number, because a
// failing device, and one whose plugin is away, loses its offers while containers
// still hold its slots.
//
// A DRA driver's device (device.Claim) is one or more such ids, as Config.Claims
// finds them. Who holds it:
//   - A ResourceClaim holds the device whole, unless it has admin access: then it
//     looks on, and holds nothing. The kubelet does not say which claims do. They are
//     those of Config.Admin, and those on what a device plugin gave to somebody, as
//     nothing else explains that. Of two claims on one device, one has admin access:
//     that in a namespace of programs that look on (monitoring, gpu-operator), if the
//     other one is not. Else both are in dispute with all that they have.
//   - Pods that name one claim share it as they please: it is in dispute, or
//     divided evenly among the pods if Config.SplitClaims is set.
//   - A claim with a share id holds a part (consumable capacity). The kubelet
//     does not say how large the part is. Where Config.Portion does not either,
//     its size is unknown.
//
// The shares of a GPU never sum above 1, and nothing is scaled to get there. A
// device id or a claim has one pod, and containers of it that name the same divide
// it evenly. If the kubelet names two pods, or if the pod is not clear
// (device.Holders.Withheld), the id is in dispute and charged to nobody: its share
// is unattributed, while clear neighbours keep theirs. All of a GPU
// is unattributed, and none of its holdings are listed, when
//   - its shares, clear and in dispute, sum above 1 (a whole GPU and a slot of
//     it, say), or
//   - a part is held whose size is not known.
//
// Result.Disputes names the pods whose hold is charged to nobody, with the reason.
package attribution
