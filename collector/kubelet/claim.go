package kubelet

import (
	"cmp"
	"slices"
	"strings"

	podresources "k8s.io/kubelet/pkg/apis/podresources/v1"

	"github.com/gputally/gputally/collector/device"
)

// claimsOf lists the devices that a container got from the DRA drivers to keep,
// sorted. Kubelets before 1.27 list none, and up to 1.33 only behind a feature
// gate.
func claimsOf(resources []*podresources.DynamicResource, keep func(driver string) bool) []device.Claim {
	var claims []device.Claim
	for _, r := range resources {
		before := map[string][]string{} // CDI names listed last, by driver
		for _, c := range r.GetClaimResources() {
			names := cdiNames(c.GetCdiDevices())
			own := withoutFormer(names, before[c.GetDriverName()])
			before[c.GetDriverName()] = names
			if !keep(c.GetDriverName()) {
				continue
			}
			claims = append(claims, device.Claim{
				Namespace: r.GetClaimNamespace(), Name: r.GetClaimName(),
				Driver: c.GetDriverName(), Pool: c.GetPoolName(), Device: c.GetDeviceName(),
				ShareID: c.GetShareId(), CDI: own,
			})
		}
	}
	slices.SortFunc(claims, compareClaims)
	return claims
}

func cdiNames(devices []*podresources.CDIDevice) []string {
	names := make([]string, 0, len(devices))
	for _, d := range devices {
		names = append(names, d.GetName())
	}
	return names
}

// withoutFormer cuts off the CDI devices of the devices listed before. Kubelets
// (seen up to 1.36) give each device of a claim those of its predecessors too,
// so that the second GPU would seem to be both.
func withoutFormer(names, former []string) []string {
	if n := len(former); n < len(names) && slices.Equal(names[:n], former) {
		return names[n:]
	}
	return names
}

func compareClaims(a, b device.Claim) int {
	return cmp.Or(
		cmp.Compare(a.Driver, b.Driver),
		cmp.Compare(a.Pool, b.Pool),
		cmp.Compare(a.Device, b.Device),
		cmp.Compare(a.ShareID, b.ShareID),
		cmp.Compare(a.Namespace, b.Namespace),
		cmp.Compare(a.Name, b.Name),
		slices.Compare(a.CDI, b.CDI),
	)
}

// writeClaim writes all fields by which two claims can differ.
func writeClaim(b *strings.Builder, c device.Claim) {
	for _, s := range []string{c.Namespace, c.Name, c.Driver, c.Pool, c.Device, c.ShareID} {
		b.WriteString(s)
		b.WriteByte(0)
	}
}
