import numpy as np
import torch

from hdnet_ros.core.skeleton import LINKS
from hdnet_ros.model.skeleton_gnn import SkeletonGNN, SkeletonGraphLayer


def test_layer_equals_loop_of_equation_5(randomise_statistics):
    torch.manual_seed(0)
    neighbours = {j: {j} for j in range(17)}
    for a, b in LINKS:
        neighbours[a].add(b)
        neighbours[b].add(a)
    gnn = SkeletonGNN(5, 6, 1, 17, LINKS).eval()
    randomise_statistics(gnn)
    layer = gnn.layers[0]
    x = torch.randn(2, 17, 5)
    expected = torch.zeros(2, 17, 6)
    for i in range(17):
        for j in neighbours[i]:
            weight = layer.weight_self if i == j else layer.weight_others
            expected[:, i] += weight(x[:, j]) / len(neighbours[i])
    expected = torch.relu(layer.bn(expected.flatten(0, 1)).view(2, 17, 6))
    torch.testing.assert_close(gnn(x), expected, atol=1e-6, rtol=1e-5)


def test_links_of_three_joints_in_a_row_by_hand():
    links = torch.tensor([[1 / 2, 1 / 2, 0], [1 / 3, 1 / 3, 1 / 3], [0, 1 / 2, 1 / 2]])
    gnn = SkeletonGNN(1, 1, 1, 3, ((0, 1), (1, 2))).eval()
    layer = gnn.layers[0]
    torch.testing.assert_close(layer.self_links.squeeze(-1), links.diagonal())
    torch.testing.assert_close(layer.other_links, links - torch.diag(links.diagonal()))
    for linear, weight in ((layer.weight_self, 6.0), (layer.weight_others, 12.0)):
        torch.nn.init.constant_(linear.weight, weight)
        torch.nn.init.zeros_(linear.bias)
    layer.bn.eps = 0.0
    found = gnn(torch.tensor([[[1.0], [2.0], [4.0]]])).flatten().tolist()
    np.testing.assert_allclose(found, [3 + 12, 4 + 4 + 16, 12 + 12], rtol=1e-6)


def test_adjacency_moves_with_the_module_but_is_no_part_of_a_checkpoint():
    layer = SkeletonGraphLayer(2, 2, torch.eye(3))
    assert {name for name, _ in layer.named_buffers()} >= {"self_links", "other_links"}
    assert not any("links" in key for key in layer.state_dict())


def test_stacked_layers_widths():
    gnn = SkeletonGNN(5, 8, 3, 17, LINKS)
    assert [layer.weight_self.in_features for layer in gnn.layers] == [5, 8, 8]
    assert gnn(torch.randn(4, 17, 5)).shape == (4, 17, 8)
